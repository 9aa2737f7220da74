# Every command, with --json before or after it, ends in a summary; failed ones too.
cull init >/dev/null
bytes 10 src/a
check() { # STATUS ARGUMENT...
    want=$1
    shift
    cull "$@" --json 2>/dev/null | json_check "$want" >/dev/null || echo "not so: $*"
    cull --json "$@" 2>/dev/null | json_check "$want" >/dev/null || echo "not so: --json $*"
}
check ok put e/p/c src --alias best --tag red --run r
bytes 20 src/a
check ok put e/p/c src
for arguments in 'ls' 'ls e' 'ls e/p' 'ls e/p/c' 'ls --all' 'ls --uploads' 'show e/p/c' \
    'show e/p/c:v0 --files' 'alias ls e/p/c' 'alias set e/p/c:v0 x' 'tag ls e/p/c' \
    'tag add e/p/c:v0 blue' 'run ls' 'delete e/p/c:v0 -n --delete-aliases' 'trash' 'gc' 'gc -n' \
    'why e/p/c:v0/a' 'du' 'du e/p/c' 'fsck' 'fsck --read-data' 'stat' 'stat --memory' \
    'get e/p/c out --force'; do
    # shellcheck disable=SC2086 # words
    check ok $arguments
done
for command in show put get alias tag run restore why; do
    check usage $command
done
check usage delete
check usage delete e/p/c
check usage gc --nonsense
check usage nonsense
check notfound show e/p/c:v9
check notfound delete e/p/c:v9
check notfound restore e/p/c:v9
check notfound why e/p/c:v0/none
check notfound ls --store nowhere
check refused delete e/p/c:v1
check failed init "$CULL_STORE"
cull init other --json | json_check ok >/dev/null || echo "not so: init"
check failed put e/p/c src/a
check usage init "$(printf 'a\377')" extra
check failed put e/p/c src --type "$(printf '\377\001"\\')"
cull --json show "$(printf 'e/p/\377\001"\\')" 2>/dev/null | json_check usage

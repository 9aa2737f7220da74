# Characters that are not seen and change how a line looks are told by their bytes; a file keeps its
# name, and JSON has it as it is.
cull init >/dev/null
mkdir src
turned=$(printf 'gpj\342\200\256.exe') # an override of direction
hidden=$(printf 'a\342\200\213b')      # a space of no width
echo 1 >"src/$turned"
echo 2 >"src/$hidden"
echo 3 >"src/$(printf 'a\302\240b')" # a space that is seen
cull put e/p/names src >/dev/null
# shown: the output without bytes that would be obeyed, which must be all of it
shown() {
    "$@" >shown.out 2>&1
    if LC_ALL=C grep -q "$(printf '\342\200')" shown.out; then
        echo 'obeyed:'
    fi
    cat shown.out
}
shown cull show e/p/names --files
shown cull why "e/p/names:v0/$turned"
shown cull why "e/p/names:v0/x$turned"
shown cull get e/p/names out
shown cull why "$turned"
shown cull alias set e/p/names:v0 "$turned"
shown cull tag add e/p/names:v0 "$hidden"
shown cull show e/p/names
shown cull ls e/p/names
shown cull alias ls e/p/names
shown cull delete e/p/names:v0
shown cull tag ls e/p/names
run diff -r src out
cull --json show e/p/names --files >json.out
json_check ok <json.out || echo 'json_check failed'
grep -c "$turned" json.out

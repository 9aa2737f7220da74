# Usage errors: one line on stderr, exit 2, and a summary once --json was seen, also after the error.
run cull
run cull frobnicate
run cull statt
run cull help delte
run cull frobnicate e/p/c file
run cull ls --al
run cull ls --al=x
run cull ls --all=x
run cull gc --dryrun
run cull gc -z
run cull gc --max-deletes
run cull gc --max-deletes 0
run cull gc --max-deletes -1
run cull gc --max-bytes 1.5
run cull gc --max-bytes 20000000000000000000
run cull gc --max-time 5
run cull gc --verify some
run cull gc extra
run cull put e/p/c
run cull put '' src
run cull show 'e/p/c:v1' another
run cull alias move e/p/c:v0 best
run cull alias set e/p/c:v0
run cull delete --older-than soon
run cull --as "$(printf 'a\377')" stat
unset CULL_STORE
run cull stat
CULL_STORE=
run cull stat
json usage frobnicate --nonsense
echo '$ cull gc --max-time 5 --json'
cull gc --max-time 5 --json | json_check usage

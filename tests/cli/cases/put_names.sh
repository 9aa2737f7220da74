# Names are bytes: a newline is a name like others, what is no UTF-8 is refused and nothing changes.
cull init >/dev/null
mkdir src
echo 1 >"src/$(printf 'new\nline')"
echo 2 >"src/ blanks  and	tab "
echo 3 >'src/-n'
echo 4 >'src/üñí "quoted" \back'
echo 5 >"src/$(printf 'esc\033[31m')"
run cull put e/p/names src
run cull show e/p/names --files
json ok show e/p/names --files
run cull get e/p/names out
run diff -r src out
run cull why "e/p/names:v0/$(printf 'new\nline')"
run cull why 'e/p/names:v0/none'
echo 6 >"src/$(printf 'bad\377name')"
echo 6 >"src/$(printf 'Bad\300\257name')"
run cull put e/p/names src
run cull put e/p/other src
json failed put e/p/other src
run cull ls

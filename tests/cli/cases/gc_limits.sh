# A cycle stops at its own limits with exit 0 and says so; the next one goes on.
cull init --grace 0 >/dev/null
mkdir src
for i in 1 2 3 4 5 6; do bytes "${i}000" src/$i; done
cull put e/p/c src >/dev/null
rm -r src/*
echo new >src/new
cull put e/p/c src >/dev/null
cull delete e/p/c:v0 >/dev/null
run cull gc --max-deletes 2
run cull du
json limit gc --max-deletes 1
run cull gc --max-bytes 5kB
run cull gc --max-time 0
run cull gc --max-time 1h
run cull gc
run cull fsck --read-data
run cull ls e/p/c --all

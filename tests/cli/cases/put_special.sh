# What is no file is named and refused before anything is changed; --follow stores what symbolic
# links lead to, and refuses loops.
cull init >/dev/null
bytes 100 src/file
mkfifo src/pipe
run cull put e/p/special src
rm src/pipe
mkdir elsewhere && bytes 200 elsewhere/deep/inside
ln -s file src/link
ln -s ../elsewhere src/directory
run cull put e/p/special src
run cull put e/p/special src --follow
run cull show e/p/special --files
run cull get e/p/special out
run test ! -L out/link
run cmp out/link src/file
run cmp out/directory/deep/inside elsewhere/deep/inside
ln -s nowhere src/dangling
run cull put e/p/special src --follow
rm src/dangling
ln -s self src/self
run cull put e/p/special src --follow
rm src/self
ln -s ../src src/loop
run cull put e/p/special src --follow
rm src/loop
# the directory itself may be reached through a link: it was named
ln -s src linked
run cull put e/p/special linked --follow
run cull put e/p/special /dev/null
mkdir around && mv store around/store
CULL_STORE=around/store
run cull put e/p/self around
run cull ls

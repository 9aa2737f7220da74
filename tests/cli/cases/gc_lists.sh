# A store that keeps no objects: list what is free to go, delete it elsewhere, confirm or release.
mkdir -p one two
printf cat >one/cat
printf dog >one/dog
printf cat >two/cat
printf rat >two/rat
cull init index --objects none --digest md5 --grace 0 >/dev/null
export CULL_STORE=$PWD/index
cull put e/p/c one >/dev/null
cull put e/p/c two >/dev/null
cull delete e/p/c:v0 >/dev/null
run cull gc
run cull gc --dry-run
run cull gc --list free
run cat free
# on its way out: nobody can name it meanwhile; the list can be made again
run cull gc --list -
json ok gc --list -
run cull gc --release free
run cull put e/p/d one
cull delete e/p/d:v0 --delete-aliases >/dev/null
run cull gc --list free
run cull gc --confirm free
run cull gc --confirm free
run cull fsck
# what is wrong
echo nonsense >bad
run cull gc --confirm bad
run cull gc --confirm nowhere
run cull gc --list free --confirm free
run cull gc --list nowhere/free
run cull gc --threads 65

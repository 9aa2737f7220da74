# A full disk: nothing is acknowledged, nothing is lost, everything can be read, deletes and cycles give
# room back, and all goes on.
mount_as=-m
[ "$(id -u)" = 0 ] || mount_as=-rm # a user may mount in a name space of its own
mkdir disk
unshare $mount_as mount -t tmpfs -o size=8m none disk 2>/dev/null || skip "cannot mount here"
cat >inner.sh <<'INNER'
. "$CLI_LIB"
mount -t tmpfs -o size=8m none disk || exit 1
CULL_STORE=disk/store
run cull init --grace 0
bytes 500000 small/a
run cull put e/p/c small
bytes 1000000 large/a
head -c 8000000 /dev/urandom >large/b
# one thread: which of two files meets the end of the disk first is else a matter of luck
run cull put e/p/c large --threads 1 2>&1 | sed 's|tmp/[0-9a-f.-]*|tmp/<name>|'
json failed put e/p/c large >out 2>err
grep -c '"status":"failed"' out
grep -c 'No space left on device' err
run cull ls
run cull ls --uploads
run cull fsck --read-data
run cull get e/p/c:v0 out.dir
run diff -r small out.dir
fill() { # every last byte
    cat /dev/zero >>disk/filler 2>/dev/null
    run df --output=avail disk
}
echo "--- not a byte is left"
bytes 300000 small/b
run cull put e/p/c small
fill
run cull ls e/p/c
run cull show e/p/c:v1
run cull get e/p/c:v1 out2.dir
run diff -r small out2.dir
run cull fsck --read-data
run cull gc --dry-run
cull put e/p/other large 2>err
echo "exit $?"
grep -c 'No space left' err
run stat -c %s disk/store/cull.ballast
echo "--- deletes and cycles have the ballast, one after the other"
run cull delete e/p/c:v0
fill
run cull gc
fill
run cull delete e/p/c:v1 --delete-aliases
run cull restore e/p/c:v1
run cull fsck
echo "--- and without it"
run rm disk/store/cull.ballast
fill
run cull ls
cull delete e/p/c:v1 --delete-aliases 2>err
echo "exit $?"
grep -c 'No space left' err
run cull get e/p/c:v1 out3.dir
run diff -r small out3.dir
rm disk/filler
echo "--- there is room again"
run cull put e/p/c small --tag again
bytes 400000 small/b
run cull put e/p/c small
run cull delete e/p/c:v1
run cull gc
run cull fsck --read-data
run stat -c %s disk/store/cull.ballast
cp -r disk/store kept
mkdir disk/full
cat /dev/zero >disk/filler 2>/dev/null
run cull --store kept get e/p/c:v2 disk/full
run find disk/full -type f
INNER
unshare $mount_as sh -u inner.sh

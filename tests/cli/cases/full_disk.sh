# A full disk: nothing is acknowledged, nothing is lost, and all goes on when there is room again.
[ "$(id -u)" = 0 ] || skip "mounting needs root"
mkdir disk
unshare -m mount -t tmpfs -o size=3m none disk 2>/dev/null || skip "cannot mount here"
cat >inner.sh <<'INNER'
. "$CLI_LIB"
mount -t tmpfs -o size=3m none disk || exit 1
CULL_STORE=disk/store
run cull init --grace 0
bytes 500000 small/a
run cull put e/p/c small
bytes 1000000 large/a
head -c 4000000 /dev/urandom >large/b
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
echo "--- not a byte is left"
cat /dev/zero >disk/filler 2>/dev/null
cull delete e/p/c:v0 --delete-aliases 2>err
echo "exit $?"
grep -c 'disk is full\|No space left' err
cull put e/p/other small 2>err
echo "exit $?"
grep -c 'disk is full\|No space left' err
run cull ls
rm disk/filler
echo "--- there is room again"
run cull put e/p/c small --tag again
bytes 400000 small/b
run cull put e/p/c small
run cull delete e/p/c:v0
run cull gc
run cull fsck --read-data
cp -r disk/store kept
mkdir disk/full
cat /dev/zero >disk/filler 2>/dev/null
run cull --store kept get e/p/c:v1 disk/full
run find disk/full -type f
INNER
unshare -m sh -u inner.sh

# What cannot be printed is noticed.
a_store
[ -c /dev/full ] || skip "no /dev/full here"
cull ls >/dev/full
echo "exit $?"
cull --json show team/vision/pets --files >/dev/full
echo "exit $?"
cull help >/dev/full
echo "exit $?"
cull stat >&-
echo "exit $?"
# what was asked for is done all the same
bytes 4 src/cat
cull put team/vision/pets src >/dev/full
echo "exit $?"
run cull ls team/vision/pets

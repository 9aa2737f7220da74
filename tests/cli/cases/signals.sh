# SIGINT and SIGTERM: a clean end. Reading a file of a terabyte takes longer than any test.
a_store
mkdir huge
truncate -s 1T huge/file 2>/dev/null || skip "no large files here"
run timeout -s INT --preserve-status 1 cull put team/vision/huge huge
run timeout -s TERM --preserve-status 1 cull put team/vision/huge huge
timeout -s INT --preserve-status 1 cull --json put team/vision/huge huge | json_check interrupted
run cull ls
run cull ls --uploads
run cull fsck --read-data
timeout -s INT --preserve-status 3 cull put team/vision/huge huge --progress 2>err
echo "exit $?"
grep -q '^hash: .* of 1\.1 TB (.* %), .*/s, .* left$' err && echo "rate and time left were shown"
tail -n 1 err

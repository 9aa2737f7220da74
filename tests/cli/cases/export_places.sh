# What a command writes for its user replaces regular files only: a pipe and a device are written to,
# a symbolic link stays one.
cull init --objects none --digest md5 >/dev/null
echo 'b194acc92492d2347c6235b4d2611184  a' >sums
cull import list e/p/c sums >/dev/null
mkfifo pipe
cat pipe >read &
run cull export e/p/c pipe
wait
[ -p pipe ] && grep -c '"a"' read
echo old >real
ln -s real link
run cull export e/p/c link
[ -L link ] && grep -c '"a"' real
mknod full c 1 7 2>/dev/null || ln -s /dev/full full
run cull export e/p/c full
[ -c full ] && echo "still a device"
cull delete e/p/c:v0 --delete-aliases >/dev/null
run cull gc --list full --allow-shorter-grace 0 --allow-empty-store
[ -c full ] && echo "still a device"
ls

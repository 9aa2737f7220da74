# A file that changes while it is read is noticed: these say that they are empty and are not.
dir=/proc/sys/fs/inotify
[ -r $dir/max_user_watches ] || skip "no $dir here"
cull init >/dev/null
run cull put e/p/changing $dir
json failed put e/p/changing $dir
run cull ls
run cull ls --uploads

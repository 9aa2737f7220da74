# No permission: one line, exit 1, nothing changed.
a_store
chmod 700 store
if [ "$(id -u)" = 0 ]; then
    command -v setpriv >/dev/null || skip "no setpriv(1) here"
    as() { setpriv --reuid=65534 --regid=65534 --clear-groups cull --as tester "$@"; }
    chmod 755 .
else
    as() { cull "$@"; }
    chmod 000 store
fi
mkdir theirs && chmod 777 theirs
run as ls
run as put team/vision/pets src
run as gc
run as init theirs/store
run as --store theirs/store put team/vision/pets src
chmod 000 src/cat
run as --store theirs/store put team/vision/more src
chmod 644 src/cat
mkdir src/closed && chmod 000 src/closed
run as --store theirs/store put team/vision/more src
rmdir src/closed
mkdir locked && chmod 555 locked
run as --store theirs/store get team/vision/pets locked/out
run as --store theirs/store get team/vision/pets theirs/out
run as init locked/store
# a store that may be read and not written
chmod -R a-w theirs/store
chmod a+rX theirs/store
run as --store theirs/store delete team/vision/pets:v0 --delete-aliases
run as --store theirs/store gc
run as --store theirs/store put team/vision/pets theirs/out --tag x
chmod -R u+w theirs/store
run as --store theirs/store fsck --read-data
chmod 755 store
run cull fsck --read-data

# What is made follows the umask, and nobody else can write a store, whatever that is.
mode() {
    echo "umask $1"
    (
        umask "$1"
        bytes 100 src/cat
        cull --store "s$1" init --grace 0 >/dev/null
        cull --store "s$1" put team/vision/pets src >/dev/null
        cull --store "s$1" gc >/dev/null
        cull --store "s$1" get team/vision/pets "out$1" >/dev/null
        cull --store "s$1" export team/vision/pets "m$1.json" >/dev/null
        find "s$1" "out$1" "m$1.json" -printf '%m %y %p\n' |
            sed 's|/[0-9a-f]\{2\}/[0-9a-f]\{64\}$|/HH/DIGEST|; s|/[0-9a-f]\{2\}$|/HH|' | sort -k3 -u
    )
}
mode 000
mode 022
mode 077
echo "written by others:"
find s000 s022 s077 -perm -o+w

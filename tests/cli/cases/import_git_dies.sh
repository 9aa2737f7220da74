# git dies in the middle: what is there are whole versions, no upload stays open, and the next
# import goes on from there.
. "$(dirname "$CLI_LIB")/git_lib.sh"
a_history h.git 200
real=$(command -v git)
mkdir fake
# dies after BYTES of the output of COMMAND, in the NTH run of it
cat >fake/git <<'END'
#!/bin/sh
case " $* " in
*" $COMMAND "*)
    echo x >>runs
    [ "$(wc -l <runs)" = "$NTH" ] || exec "$REAL" "$@"
    "$REAL" "$@" | head -c "$BYTES"
    kill -9 $$
    ;;
*) exec "$REAL" "$@" ;;
esac
END
chmod +x fake/git
REAL=$real
NTH=1
export REAL NTH

# manifests STORE: name and digest of each version.
manifests() {
    cull --store "$1" ls e/p/h --json |
        sed -n 's/.*"name":"\([^"]*\)".*"manifest_digest":"\([0-9a-f]*\)".*/\1 \2/p'
}

# dying STORE COMMAND BYTES
dying() {
    rm -f runs
    COMMAND=$2 BYTES=$3 PATH=$(pwd)/fake:$PATH cull --store "$1" import git e/p/h h.git >out 2>err
    echo "$2 after $3 bytes: exit $?: $(cat err)"
    echo "versions: $(manifests "$1" 2>/dev/null | wc -l)"
    cull --store "$1" ls --uploads | sed 1d
}

for store in index content; do
    case $store in
    index) objects=none digest=sha1 ;;
    content) objects=directory digest=sha256 ;;
    esac
    for name in $store fresh-$store; do
        cull --store $name init --objects $objects --digest $digest >/dev/null
    done
    dying $store rev-parse 3
    dying $store rev-list 1000
    dying $store cat-file 700
    dying $store diff-tree 0
    dying $store diff-tree 82
    dying $store diff-tree 5000
    dying $store diff-tree 5100
    dying $store cat-file 700
    # with the real one it goes on, and ends where it would have ended at one go
    cull --store $store import git e/p/h h.git
    cull --store $store fsck >/dev/null && echo "whole"
    cull --store fresh-$store import git e/p/h h.git >/dev/null
    manifests fresh-$store >want
    manifests $store | diff want - && echo "$store: the same versions as at one go"
done

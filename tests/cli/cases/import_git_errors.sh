# What cannot be imported, and how that is said; nothing is left behind.
. "$(dirname "$CLI_LIB")/git_lib.sh"
cull init >/dev/null
run cull import git e/p/c missing
mkdir plain
run cull import git e/p/c plain
echo x >file
run cull import git e/p/c file
git init -q -b main empty
run cull import git e/p/c empty
a_history h.git 10
run cull import git e/p/c h.git --rev nowhere
run cull import git e/p/c h.git --rev --all
run cull import git e/p/c h.git --rev main:README
run cull import git 'e/p/c:v1' h.git
git clone -q h.git clone
run cull import git e/p/c clone/dir2
mkdir none
(
    program=${PATH%%:*}/cull
    PATH=$(pwd)/none
    "$program" import git e/p/c h.git
    echo "without git: exit $?"
)
# an object that is not there
cp -r h.git damaged.git
blob=$(git -C damaged.git rev-parse main:README)
rm -f "damaged.git/objects/$(echo "$blob" | cut -c 1-2)/$(echo "$blob" | cut -c 3-)"
cull import git e/p/c damaged.git 2>&1 | sed 's/[0-9a-f]\{40\}/<id>/'
run cull ls e/p
run cull ls --uploads

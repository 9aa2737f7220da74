# Importing a repository: commits as versions, again, from elsewhere, and what is left out.
. "$(dirname "$CLI_LIB")/git_lib.sh"
a_history h.git 60
cull init >/dev/null
run cull import git team/code/h h.git
run cull import git team/code/h h.git
run cull show team/code/h:latest
run cull fsck --read-data
cull get team/code/h:latest out >/dev/null
git -C h.git archive main | { mkdir tree && tar -x -C tree -f -; }
rm out/link tree/link # a link's target is its content
run diff -r tree out
# what comes later goes on behind; a version deleted by hand does not come back
git clone -q h.git clone 2>&1
cd clone || exit 1
echo new >new
git add new
git -c user.name=A -c user.email=a@example.org commit -q -m new
run cull --store ../store import git team/code/h .
run cull --store ../store delete team/code/h:latest --delete-aliases
run cull --store ../store import git team/code/h "$PWD/.git"
echo newer >new
git -c user.name=A -c user.email=a@example.org commit -q -a -m newer
git worktree add -q ../work 2>/dev/null
json ok --store ../store import git team/code/h ../work --alias best --tag x --type dataset
cd ..
run cull ls team/code/h:latest
# one branch, a folder with a space and a line's end, somebody else's variables
odd="a b
c"
mv clone "$odd"
run cull import git team/code/odd "$odd" --rev 'HEAD~2' --type code >odd.out
sed -n '$p' odd.out
(
    GIT_DIR=/nowhere GIT_OBJECT_DIRECTORY=/nowhere GIT_INDEX_FILE=/nowhere
    export GIT_DIR GIT_OBJECT_DIRECTORY GIT_INDEX_FILE
    run cull import git team/code/odd "$odd" --type code >odd.out
    sed -n '$p' odd.out
)
run cull ls team/code
run cull ls --uploads
run cull fsck

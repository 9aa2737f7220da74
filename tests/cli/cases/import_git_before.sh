# "Imported before" is said only of what was: tags first and then the line, the line first and then
# tags, a shallow clone that is made whole, a history that was rewritten, tags that come in between.
. "$(dirname "$CLI_LIB")/git_lib.sh"
as_ann() { git -c user.name=Ann -c user.email=ann@example.org "$@"; }
short() { sed 's/[0-9a-f]\{40\}/<commit>/g'; }
# import COLLECTION ARGUMENT...: what it says, with every id as one word.
import() {
    echo "\$ cull import git $*"
    cull import git "$@" >out 2>err
    code=$?
    short <out
    short <err
    [ $code = 0 ] || echo "exit $code"
}
# like COLLECTION REPO: the newest version is what HEAD is.
like() {
    cull export "$1:latest" | sed -n 's/^ *"\(.*\)": {"digest".*/\1/p' >have
    git -C "$2" ls-tree -r HEAD | cut -f 2 | cmp - have && echo "$1 is what $2 is"
}

cull init --objects none --digest sha1 --grace 0 >/dev/null
git init -q -b main work
cd work || exit 1
for i in 1 2 3 4 5 6; do
    echo $i >file$i
    git add .
    as_ann commit -q -m $i
    git tag t$i
done
cd ..

# one tag, then the line that leads to it; and the other way around
import e/p/tag-first work --tags t3
import e/p/tag-first work
import e/p/line-first work
import e/p/line-first work --tags t3
run cull ls e/p/line-first --json | grep -c '"type":"version"'

# a tag that comes in between was not imported; one behind the last is
import e/p/tags work --tags 't[246]'
import e/p/tags work --tags 't[2346]'
git -C work tag t6-too t6
import e/p/tags work --tags 't[246]*'
run cull alias ls e/p/tags
import e/p/tags work --tags 't[246]*'

# shallow, then whole; whole, then shallow, which lacks nothing that is new
git clone -q --depth 2 "file://$(pwd)/work" shallow 2>/dev/null
import e/p/shallow shallow
import e/p/shallow shallow
import e/p/whole work
(cd shallow && echo 7 >file7 && git add . && as_ann commit -q -m 7)
import e/p/shallow shallow
import e/p/whole shallow
git -C shallow fetch -q --unshallow
import e/p/shallow shallow
import e/p/whole shallow
like e/p/whole shallow
(cd shallow && echo 8 >file8 && git add . && as_ann commit -q -m 8)
import e/p/whole shallow
like e/p/whole shallow

# rewritten: what is not of it any more is in the way until it is deleted
git clone -q work again
(cd again && git reset -q --hard HEAD~2 && echo other >other && git add . && as_ann commit -q -m other)
import e/p/line-first again
import e/p/line-first again --rev HEAD~1
cull delete e/p/line-first:v4 e/p/line-first:v5 --delete-aliases >/dev/null
import e/p/line-first again
like e/p/line-first again
git init -q -b main elsewhere
(cd elsewhere && echo x >x && git add . && as_ann commit -q -m x)
import e/p/line-first elsewhere

# versions that were deleted and purged in between: the newest that is there says where to go on
cull delete e/p/whole:v0 e/p/whole:v1 e/p/whole:v6 >/dev/null
cull gc --list free --allow-large-plan >/dev/null
cull gc --confirm free >/dev/null
import e/p/whole shallow
(cd shallow && echo 9 >file9 && git add . && as_ann commit -q -m 9)
import e/p/whole shallow
like e/p/whole shallow
# what was put there by hand says nothing of a history
mkdir dir && echo hand >dir/hand
cull init kept >/dev/null
cull --store kept put e/p/mixed dir >/dev/null
import e/p/mixed work --store kept
(cd work && echo 10 >file10 && git add . && as_ann commit -q -m 10)
cull --store kept put e/p/mixed dir >/dev/null
import e/p/mixed work --store kept
run cull fsck

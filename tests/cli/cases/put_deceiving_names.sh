# Two directories whose lines of the manifest, path:digest, are the same bytes: neither is the other.
D=hE7MCBZOLqsnY0qa3uGvplmeWJVw5xl4TggM50f8DkU=
nl='
'
run cull init
mkdir one two
printf x2 >"one/a:$D${nl}b"
printf x2 >one/c
printf x2 >two/a
printf x2 >"two/b:$D${nl}c"
run cull put e/p/c one
run cull put e/p/c two
run cull put e/p/c two
run cull get e/p/c:v0 back0
run cull get e/p/c:v1 back1
diff -r one back0 && diff -r two back1 && echo both are as they were

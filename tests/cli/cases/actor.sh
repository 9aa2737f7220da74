# Who asks: the user's name, unless --as says otherwise.
cull init >/dev/null
mkdir src
echo 1 >src/a
command cull put e/p/c src >/dev/null
[ "$(command cull show e/p/c | sed -n 's/^created .* by //p')" = "$(id -un)" ] && echo "by $(id -un)" |
    sed "s/$(id -un)/the user/"
echo 2 >src/a
run command cull put e/p/c src --as ann
run command cull show e/p/c
run command cull --as=bob show e/p/c:v0 --as "$(printf '%0129d' 0)"

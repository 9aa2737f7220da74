# Directories as deep as a path can be, more of them than there are descriptors.
cull init >/dev/null
path=d
i=1
while [ $i -lt 1500 ]; do
    path=$path/d
    i=$((i + 1))
done
mkdir -p src/$path
echo deep >src/$path/file
(
    ulimit -n 64
    run cull put e/p/deep src
    run cull get e/p/deep out
)
cmp src/$path/file out/$path/file && echo same
long=$(printf '%0250d' 0)
mkdir -p wide/$long/$long/$long/$long/$long/$long/$long
(
    cd -P wide/$long/$long/$long/$long/$long/$long/$long || exit 1
    mkdir -p $long/$long/$long/$long/$long/$long/$long/$long
    cd -P $long/$long/$long/$long/$long/$long/$long/$long || exit 1
    mkdir -p $long/$long
    echo long >$long/$long/file
)
cull put e/p/wide wide 2>wide.err
echo "exit $?"
cut -c 1-60 wide.err
sed 's/.*: //' wide.err

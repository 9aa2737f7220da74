# A cycle removes what killed puts had staged more than a day ago, and leaves what may be at work.
a_store
echo "half a file" >store/tmp/00000001-00000000000000aa
touch -d '2 days ago' store/tmp/00000001-00000000000000aa
echo "half a file" >store/tmp/00000001-00000000000000bb
run cull gc
run ls store/tmp

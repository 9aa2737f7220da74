# Two selections that are deleted at once: what one took is not the other's any more, which is no
# failure. Somebody holds the log for a second, in which both have looked at it.
cull init --grace 1d >/dev/null
for content in 0 1 2 3 4 5; do
    bytes 10 src/$content
    cull put team/vision/mnist src >/dev/null
done
sql "$CULL_STORE/cull.db" 'PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE; WITH RECURSIVE n(x) AS
    (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 8000000) SELECT count(*) FROM n; COMMIT' >held &
holder=$!
sleep 0.3 # it holds the log, or else the two are less likely to meet
cull delete --collection team/vision/mnist --keep-last 2 >one 2>one.err &
one=$!
cull delete --collection team/vision/mnist --keep-last 2 >two 2>two.err &
two=$!
wait $holder || echo 'the log was not held'
wait $one || echo "exit $?: $(cat one.err)"
wait $two || echo "exit $?: $(cat two.err)"
echo "deleted: $(cat one two | grep -c '^deleted ')"
grep -h '^deleted ' one two | sort
run cull ls team/vision/mnist
# what is named is answered as it is
run cull delete team/vision/mnist:v0

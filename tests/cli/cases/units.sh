# Numbers with units, read and written, on both sides of each boundary.
for grace in 0 45s 90m 336h 14d 2w 1h30m 1d12h 0s 5199w; do
    cull init "store-$grace" --grace $grace | sed 's/.*deleted versions are kept for //'
done
for grace in 5 d 1 1.5h -1d 1dd '1d ' ' 1d' 99999999999w 9007199254740993s; do
    cull init bad --grace "$grace" 2>&1
done
cull init >/dev/null
for size in 0 1 999 1000 1049 1050 999949 999950 1049999 1050000; do
    bytes $size src/file
    cull put e/p/c src | sed 's/ file.*sent/ sent/'
done
for limit in 4096 4096B 10kB 10KB 10k 2MB 1.5GB 4KiB 1Gi 0.5k; do
    cull gc --dry-run --max-bytes $limit >/dev/null || echo "$limit: exit $?"
done
for limit in 1.5 1.5B 5X 5KBB 5iB 1.1234567GB 1e3 '' 9223372036854775809; do
    cull gc --dry-run --max-bytes "$limit" 2>&1 || echo "exit $?"
done

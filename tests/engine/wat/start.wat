;; The start function never ends.
(module
  (global $count (mut i64) (i64.const 0))
  (func $start (loop $more
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (br $more)))
  (start $start))

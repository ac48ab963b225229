;; Which of many signatures share so many bits with an asked one that the texts behind them may be near? (signatures.ts)
;;
;; This is the one loop that every decision of the gate goes through for every known text: here a text costs some nanoseconds, since
;; WebAssembly counts 64 bits at once. `npm run generate:scan` makes signature-scan.generated.ts of it.
(module
  (memory (export "memory") 1)

  ;; signatures    `count` of them, each of `length` bytes, a multiple of 32
  ;; extents       of each 32 bits: how many grams the text has, and above 16 bits how many of them fell on bits that were set already
  ;; asked         the asked signature, of `length` bytes as well
  ;; collisions    how many grams of the asked text fell on bits that were set already
  ;; needed        by number of grams 16 bits: so many must be shared; 65535 if no number is enough
  ;; found         here the places of those that may be near are written, 16 bits each
  ;; Returns how many these are.
  (func (export "scan")
    (param $signatures i32) (param $extents i32) (param $count i32) (param $length i32)
    (param $asked i32) (param $collisions i32) (param $needed i32) (param $found i32)
    (result i32)
    (local $slot i32) (local $extent i32) (local $least i32) (local $spare i32) (local $bits i64)
    (local $at i32) (local $end i32) (local $with i32) (local $results i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $slot) (local.get $count)))
        (local.set $end (i32.add (local.get $signatures) (local.get $length)))
        (local.set $extent (i32.load (local.get $extents)))
        (local.set $least
          (i32.load16_u
            (i32.add (local.get $needed) (i32.shl (i32.and (local.get $extent) (i32.const 0xffff)) (i32.const 1)))))
        (if (i32.ne (local.get $least) (i32.const 0xffff))
          (then
            ;; A shared gram is a shared bit, but for those that fell on a set one: of the text with fewer of these.
            (local.set $spare (i32.shr_u (local.get $extent) (i32.const 16)))
            (if (i32.gt_u (local.get $spare) (local.get $collisions))
              (then (local.set $spare (local.get $collisions))))
            (local.set $bits (i64.const 0))
            (local.set $at (local.get $signatures))
            (local.set $with (local.get $asked))
            (loop $more
              (local.set $bits
                (i64.add
                  (local.get $bits)
                  (i64.add
                    (i64.add
                      (i64.popcnt (i64.and (i64.load (local.get $at)) (i64.load (local.get $with))))
                      (i64.popcnt (i64.and (i64.load offset=8 (local.get $at)) (i64.load offset=8 (local.get $with)))))
                    (i64.add
                      (i64.popcnt (i64.and (i64.load offset=16 (local.get $at)) (i64.load offset=16 (local.get $with))))
                      (i64.popcnt
                        (i64.and (i64.load offset=24 (local.get $at)) (i64.load offset=24 (local.get $with))))))))
              (local.set $at (i32.add (local.get $at) (i32.const 32)))
              (local.set $with (i32.add (local.get $with) (i32.const 32)))
              (br_if $more (i32.lt_u (local.get $at) (local.get $end))))
            (if (i32.ge_s
                  (i32.add (i32.wrap_i64 (local.get $bits)) (local.get $spare))
                  (local.get $least))
              (then
                (i32.store16
                  (i32.add (local.get $found) (i32.shl (local.get $results) (i32.const 1)))
                  (local.get $slot))
                (local.set $results (i32.add (local.get $results) (i32.const 1)))))))
        (local.set $signatures (local.get $end))
        (local.set $extents (i32.add (local.get $extents) (i32.const 4)))
        (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
        (br $next)))
    (local.get $results)))

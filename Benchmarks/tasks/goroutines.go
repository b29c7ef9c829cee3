// A program of goroutines that wait, each at the end of nine calls, and of a ticker that notes for how long it stood still.
//
//	goroutines COUNT    "ready", and then answers each line with: nanoseconds of a dump of all goroutines
//	                    (net/http/pprof with debug=2 writes the same), its bytes, the parked ones in it, the longest stand-still
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"time"
)

var never = make(chan int)
var steps, waiting int64

//go:noinline
func park() { atomic.AddInt64(&waiting, 1); <-never; steps++ }

//go:noinline
func read1() { park(); steps++ }

//go:noinline
func read2() { read1(); steps++ }

//go:noinline
func fetch3() { read2(); steps++ }

//go:noinline
func fetch4() { fetch3(); steps++ }

//go:noinline
func serve5() { fetch4(); steps++ }

//go:noinline
func serve6() { serve5(); steps++ }

//go:noinline
func serve7() { serve6(); steps++ }

//go:noinline
func serve8() { serve7(); steps++ }

var longest int64

func tick() {
	for {
		begin := time.Now()
		time.Sleep(100 * time.Microsecond)
		late := int64(time.Since(begin)) - 100000
		if late > atomic.LoadInt64(&longest) {
			atomic.StoreInt64(&longest, late)
		}
	}
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	for i := 0; i < count; i++ {
		go serve8()
	}
	for atomic.LoadInt64(&waiting) < int64(count) {
		time.Sleep(time.Millisecond)
	}
	go tick()
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		atomic.StoreInt64(&longest, 0)
		var dump bytes.Buffer
		begin := time.Now()
		pprof.Lookup("goroutine").WriteTo(&dump, 2)
		spent := time.Since(begin)
		found := bytes.Count(dump.Bytes(), []byte("main.park("))
		fmt.Println(int64(spent), dump.Len(), found, atomic.LoadInt64(&longest))
	}
}

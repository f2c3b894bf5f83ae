// The peer of bench_sm2: github.com/emmansun/gmsm on one processor. Reads "sign 100" (what, and for how many
// milliseconds at least), answers with operations per second of processor time.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/emmansun/gmsm/sm2"
)

func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func main() {
	runtime.GOMAXPROCS(1)
	key, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	message := make([]byte, 110)
	signature, err := key.SignWithSM2(rand.Reader, nil, message)
	if err != nil {
		panic(err)
	}
	works := map[string]func(){
		"sign": func() {
			if _, err := key.SignWithSM2(rand.Reader, nil, message); err != nil {
				panic(err)
			}
		},
		"verify": func() {
			if !sm2.VerifyASN1WithSM2(&key.PublicKey, nil, message, signature) {
				panic("verifying failed")
			}
		},
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		var what string
		var ms float64
		if _, err := fmt.Sscan(input.Text(), &what, &ms); err != nil || works[what] == nil {
			fmt.Println(0)
			continue
		}
		done, start, elapsed := 0, cpu(), 0.0
		for elapsed*1000 < ms {
			for range 32 {
				works[what]()
			}
			done += 32
			elapsed = cpu() - start
		}
		fmt.Printf("%.1f\n", float64(done)/elapsed)
	}
}

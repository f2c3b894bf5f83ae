// Is a history of one-time codes' uses linearizable? Exit status 0: yes; 1: no; 2: not a history, or no verdict in time.
//
//	linear [--seconds N] FILE       FILE: a use a line, as JSON; see model.go
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

func read(path string) ([]use, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	uses, lines := []use{}, bufio.NewScanner(file)
	for lines.Scan() {
		one, decoder := use{}, json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&one); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(uses)+1, err)
		}
		if err := check(one); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(uses)+1, err)
		}
		uses = append(uses, one)
	}
	return uses, lines.Err()
}

func check(one use) error {
	switch {
	case one.Code == "" || one.Request == "" || strings.ContainsAny(one.Request, " \t="):
		return fmt.Errorf("no code, or no request that could be one")
	case one.Answer != open && one.Answer != success && one.Answer != used:
		return fmt.Errorf("%q is no answer of a ledger", one.Answer)
	case one.Answer != open && one.Return < one.Call:
		return fmt.Errorf("answered before it was asked")
	}
	return nil
}

func operations(uses []use) []porcupine.Operation {
	made := make([]porcupine.Operation, 0, len(uses))
	for _, one := range uses {
		end := one.Return
		if one.Answer == open {
			end = math.MaxInt64
		}
		made = append(made, porcupine.Operation{ClientId: one.Client, Input: one, Call: one.Call, Output: one.Answer, Return: end})
	}
	return made
}

// The codes whose own part of the history is broken.
func broken(uses []use, seconds time.Duration) []string {
	found := []string{}
	for _, part := range byCode(operations(uses)) {
		if porcupine.CheckOperationsTimeout(ledger, part, seconds) == porcupine.Illegal {
			found = append(found, part[0].Input.(use).Code)
		}
	}
	return found
}

func main() {
	seconds := flag.Int("seconds", 60, "for the verdict")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "linear: one history, please")
		os.Exit(2)
	}
	uses, err := read(flag.Arg(0))
	if err != nil || len(uses) == 0 {
		fmt.Fprintln(os.Stderr, "linear: not a history:", flag.Arg(0), err)
		os.Exit(2)
	}
	limit := time.Duration(*seconds) * time.Second
	verdict := porcupine.CheckOperationsTimeout(ledger, operations(uses), limit)
	fmt.Printf("%d uses, %d codes: %s\n", len(uses), len(byCode(operations(uses))), verdict)
	switch verdict {
	case porcupine.Ok:
	case porcupine.Illegal:
		fmt.Println("not linearizable:", strings.Join(broken(uses, limit), " "))
		os.Exit(1)
	default:
		os.Exit(2)
	}
}

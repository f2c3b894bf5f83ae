// What a one-time code may answer, in the words of porcupine: a code at a time, what was answered to which request.
package main

import (
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"
)

const (
	success = "0000"
	used    = "2004"
	open    = "" // no answer came: it may have been done, at any time since, or never
)

// One use: a line of a history. Times are those of one monotonic clock.
type use struct {
	Client  int    `json:"client"`
	Code    string `json:"code"`
	Request string `json:"request"` // the caller and its request id
	Call    int64  `json:"call"`
	Return  int64  `json:"return"`
	Answer  string `json:"answer"`
}

// The state is text, so that two states are equal when their texts are: "request=answer" for each request, sorted.
func answered(state, request string) (string, bool) {
	for _, pair := range strings.Fields(state) {
		if name, answer, _ := strings.Cut(pair, "="); name == request {
			return answer, true
		}
	}
	return "", false
}

func with(state, request, answer string) string {
	pairs := append(strings.Fields(state), request+"="+answer)
	sort.Strings(pairs)
	return strings.Join(pairs, " ")
}

// The first request of all has success, every other one "used"; one that was answered is answered so again.
func step(before, input, output interface{}) (bool, interface{}) {
	state, request, told := before.(string), input.(use).Request, output.(string)
	answer, isRepeat := answered(state, request)
	if !isRepeat {
		answer = used
		if state == "" {
			answer = success
		}
		state = with(state, request, answer)
	}
	return told == open || told == answer, state
}

func byCode(history []porcupine.Operation) [][]porcupine.Operation {
	place, parts := map[string]int{}, [][]porcupine.Operation{}
	for _, operation := range history {
		code := operation.Input.(use).Code
		at, isKnown := place[code]
		if !isKnown {
			at = len(parts)
			place[code] = at
			parts = append(parts, nil)
		}
		parts[at] = append(parts[at], operation)
	}
	return parts
}

var ledger = porcupine.Model{
	Partition: byCode,
	Init:      func() interface{} { return "" },
	Step:      step,
}

package main

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A use from call to end; a request "a" is asked once more by giving its name again.
func at(request string, call, end int64, answer string) use {
	return use{Code: "c", Request: request, Call: call, Return: end, Answer: answer}
}

var cases = []struct {
	name   string
	uses   []use
	isGood bool
}{
	{"first succeeds, second is refused", []use{at("a", 0, 1, success), at("b", 2, 3, used)}, true},
	{"two at once, either may be the first", []use{at("a", 0, 9, used), at("b", 1, 8, success)}, true},
	{"two successes", []use{at("a", 0, 9, success), at("b", 1, 8, success)}, false},
	{"nobody succeeded", []use{at("a", 0, 1, used), at("b", 2, 3, used)}, false},
	{"refused before anybody used it", []use{at("b", 0, 1, used), at("a", 2, 3, success)}, false},
	{"asked again, the first answer", []use{at("a", 0, 1, success), at("b", 2, 3, used), at("a", 4, 5, success)}, true},
	{"asked again, another answer", []use{at("a", 0, 1, success), at("a", 2, 3, used)}, false},
	{"a refusal turned into success", []use{at("a", 0, 1, success), at("b", 2, 3, used), at("b", 4, 5, success)}, false},
	{"an unknown outcome was the use", []use{at("a", 0, 0, open), at("b", 1, 2, used)}, true},
	{"an unknown outcome came to nothing", []use{at("a", 0, 0, open), at("b", 1, 2, success)}, true},
	{"an unknown outcome told later", []use{at("a", 0, 0, open), at("b", 1, 2, used), at("a", 3, 4, success)}, true},
	{"an unknown outcome is not two", []use{at("a", 0, 0, open), at("b", 1, 2, used), at("a", 3, 4, used)}, false},
	{"an unknown outcome begun too late", []use{at("b", 0, 1, used), at("a", 2, 2, open)}, false},
}

func TestHistories(t *testing.T) {
	for _, one := range cases {
		t.Run(one.name, func(t *testing.T) {
			verdict := porcupine.CheckOperationsTimeout(ledger, operations(one.uses), time.Minute)
			if isGood := verdict == porcupine.Ok; isGood != one.isGood {
				t.Errorf("linearizable: %v", isGood)
			}
		})
	}
}

func TestCodesAreApart(t *testing.T) {
	other := at("b", 2, 3, success)
	other.Code = "d"
	uses := []use{at("a", 0, 1, success), other}
	if !porcupine.CheckOperations(ledger, operations(uses)) {
		t.Error("two codes are each good once")
	}
	other.Answer = used
	if found := broken([]use{at("a", 0, 1, success), other}, time.Minute); len(found) != 1 || found[0] != "d" {
		t.Errorf("the broken one is d, not %v", found)
	}
}

func TestLinesThatAreNone(t *testing.T) {
	for _, one := range []use{at("", 0, 1, success), at("a", 0, 1, "2003"), at("a", 2, 1, used), at("a b", 0, 1, used)} {
		if check(one) == nil {
			t.Errorf("taken: %+v", one)
		}
	}
}

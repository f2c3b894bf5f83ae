// Loads a Docker Compose file as Docker's own tool does, by its library: the schema, the interpolation, what refers to
// what. Prints the project as JSON. Usage: compose FILE NAME=VALUE…
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: compose FILE NAME=VALUE…")
		os.Exit(2)
	}
	file, err := filepath.Abs(os.Args[1])
	if err == nil {
		err = load(file, os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", ""))
		os.Exit(1)
	}
}

func load(file string, environment []string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(environment), cli.WithWorkingDirectory(filepath.Dir(file)))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(project)
}

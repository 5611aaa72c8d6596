package texttemplate

import (
	"fmt"
	"slices"
	"strings"
	"text/template/parse"
)

// use is a place where a template uses a parameter.
type use struct {
	name   string
	deeper bool // a field of it is used
	pos    parse.Pos
}

// uses finds the parameters that a template uses. Within range and with, the dot has another
// meaning.
func uses(root parse.Node) []use {
	w := walker{}
	w.walk(root, true)
	slices.SortStableFunc(w.found, func(a, b use) int { return int(a.pos) - int(b.pos) })
	return w.found
}

type walker struct {
	found []use
	calls bool // other templates are called
}

// walk walks a node. root says that the dot still means the parameters.
func (w *walker) walk(n parse.Node, root bool) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				w.walk(child, root)
			}
		}
	case *parse.ActionNode:
		w.walk(n.Pipe, root)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				w.walk(command, root)
			}
		}
	case *parse.CommandNode:
		for _, argument := range n.Args {
			w.walk(argument, root)
		}
	case *parse.ChainNode:
		w.walk(n.Node, root)
	case *parse.FieldNode:
		if root {
			w.found = append(w.found, use{n.Ident[0], len(n.Ident) > 1, n.Pos})
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			w.found = append(w.found, use{n.Ident[1], len(n.Ident) > 2, n.Pos})
		}
	case *parse.TemplateNode:
		w.calls = true
	case *parse.IfNode:
		w.branch(&n.BranchNode, root, root)
	case *parse.WithNode:
		w.branch(&n.BranchNode, root, false)
	case *parse.RangeNode:
		w.branch(&n.BranchNode, root, false)
	}
}

func (w *walker) branch(n *parse.BranchNode, root, within bool) {
	w.walk(n.Pipe, root)
	w.walk(n.List, within)
	w.walk(n.ElseList, root)
}

// line begins a sentence about a place in the text: "Line 3: ".
func (t *Template) line(pos parse.Pos) string {
	return fmt.Sprintf("Line %d: ", 1+strings.Count(t.source[:min(int(pos), len(t.source))], "\n"))
}

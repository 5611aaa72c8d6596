// Package texttemplate has the texts of templates that are templates of package text/template over the
// parameters: their functions, the validation of them, and what they render to.
package texttemplate

// Package cloudinit has the user data of templates: text/template over their parameters, the
// functions of those templates, and the validation of them.
package cloudinit

// Package parameter has the typed parameters of templates: their declarations, the values that they
// accept, what they drive, and their defaults.
package parameter

// Package parameter has the typed parameters of templates: their declarations, what values they take, what they drive, and
// their defaults.
package parameter

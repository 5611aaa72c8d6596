// Package profile has the hardware, network and storage profiles of templates, versions and instances: how one is laid over
// another, what is wrong with one, and what it comes to with its defaults, a Machine, NICs and Drives.
package profile

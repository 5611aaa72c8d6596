// Package metadata has what a host keeps of an instance in the metadata of its domain: who made it of what, what it was given,
// and how it was left. Secrets are never among it. The format is stored: what an earlier provider wrote stays readable.
package metadata

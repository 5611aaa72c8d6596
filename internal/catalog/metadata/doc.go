// Package metadata has what a host keeps of an instance in the metadata of its domain: who created
// it and from what, its settings, and how it was left. Secrets are never among it. The format is
// stored: the package still reads what an earlier provider wrote.
package metadata

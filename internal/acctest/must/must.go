// Package must is for tests: it takes the values of calls that have to succeed.
package must

import "testing"

// Get returns a function that ends the test if the error that it is passed is not nil, and
// otherwise returns the value:
//
//	pool := must.Get[host.Pool](t)(h.Pool(ctx, "pool"))
//
// Get has two steps because Go passes the results of a call on only to a function without other
// parameters.
func Get[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Value returns the value of a call. If the call fails, Value panics, which ends all tests of the
// package. It infers the type, so it is for calls whose types are long to write.
func Value[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

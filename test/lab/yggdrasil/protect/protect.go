// Package protect stands in for suah.dev/protect, which acts on OpenBSD only.
package protect

func Unveil(path string, flags string) error { return nil }

func UnveilBlock() error { return nil }

func Pledge(promises string) error { return nil }

func ReducePledges(current, remove string) (string, error) { return current, nil }

package envelope

// MaxUnpacked lets tests go beyond it.
const MaxUnpacked = maxUnpacked

// FormatNames are the names of the wrappers, in the order in which they are
// tried.
func FormatNames() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// OtherNames are the names of the records of another kind.
func OtherNames() (names []string) {
	for _, o := range others {
		names = append(names, o.name)
	}
	return names
}

package model

// Retold reports whether an instance that is to become what m says may have to be told other secrets
// than it was, so far as its user has said so: secrets are in no state.
func (m *Instance) Retold(state *Instance) bool {
	if state.Imported() && state.ParametersWOVersion.IsNull() { // which secrets it was told is not known
		return false
	}
	return !m.ParametersWOVersion.Equal(state.ParametersWOVersion) || !m.Parameters.Equal(state.Parameters)
}

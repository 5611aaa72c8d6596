package hypervisor

// EffectiveCPU is what a CPU type, as in DomainSpec, becomes in a domain of that type: under software emulation there is
// no host CPU to pass on, and all that ask for it get the most that QEMU can emulate.
func EffectiveCPU(domainType, cpu string) string {
	if cpu == "" {
		cpu = "host-model"
	}
	if domainType == "qemu" && (cpu == "host-model" || cpu == "host-passthrough") {
		return "maximum"
	}
	return cpu
}

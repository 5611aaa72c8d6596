// Package container has the settings of containers: what they run, in which environment, how it is
// watched, and when it is started again. The texts of programs, arguments, environment, directories
// and users are templates over the parameters, as cloud_init.user_data is.
package container

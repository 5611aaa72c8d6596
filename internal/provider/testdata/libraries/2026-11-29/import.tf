# Everything of made.tf, into an empty state.

import {
  to = novacron_template.plain
  id = "default/${var.at}-plain"
}

import {
  to = novacron_template.full
  id = "default/${var.at}-full"
}

import {
  to = novacron_template_version.first
  id = "default/${var.at}-plain@1.0.0"
}

import {
  to = novacron_template_version.differs
  id = "default/${var.at}-plain@1.1.0"
}

import {
  to = novacron_template_version.deprecated
  id = "default/${var.at}-plain@1.2.0"
}

import {
  to = novacron_template_version.draft
  id = "default/${var.at}-plain@2.0.0-rc.1"
}

import {
  to = novacron_template_version.captured
  id = "default/${var.at}-plain@3.0.0"
}

import {
  to = novacron_template_version.full
  id = "default/${var.at}-full@1.0.0"
}

import {
  to = novacron_instance.linked
  id = "default/${var.at}-linked"
}

import {
  to = novacron_instance.deep
  id = "default/${var.at}-deep"
}

import {
  to = novacron_instance.clone
  id = "default/${var.at}-clone"
}

import {
  to = novacron_instance.full
  id = "default/${var.at}-full"
}

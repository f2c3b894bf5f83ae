# The pure parts of svc-declare.
set(declare ${CMAKE_SOURCE_DIR}/svc-declare)
set(declare_forms ${declare}/forms/form.c ${declare}/forms/form_health.c ${declare}/forms/form_trips.c
    ${declare}/forms/form_born.c ${declare}/forms/form_place.c ${declare}/forms/form_source.c ${declare}/forms/kinds.c ${declare}/fact.c)
phi_test(test_declare_form SOURCES test_declare_form.c ${declare_forms} ROOMS person bus json codes crypto base
  PACKAGES jansson)
phi_test(test_declare_sources SOURCES test_declare_sources.c ${declare_forms} ROOMS person bus json codes crypto base
  PACKAGES jansson)
phi_test(test_declare_fact SOURCES test_declare_fact.c ${declare}/fact.c ${declare}/sources/intake_decide.c
  ROOMS person bus json codes crypto base PACKAGES jansson)
phi_test(test_declare_rhythm SOURCES test_declare_rhythm.c ${declare}/sources/rhythm.c ROOMS json codes base
  PACKAGES jansson)
phi_test(test_declare_control SOURCES test_declare_control.c ${declare}/people/control.c ROOMS json codes base
  PACKAGES jansson)
phi_test(test_declare_letter SOURCES test_declare_letter.c ${declare}/sources/letter.c ${declare}/forms/kinds.c
  ROOMS auth bus json codes crypto base PACKAGES jansson)

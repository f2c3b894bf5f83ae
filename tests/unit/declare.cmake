# The pure parts of svc-declare.
set(declare ${CMAKE_SOURCE_DIR}/svc-declare)
phi_test(test_declare_form SOURCES test_declare_form.c ROOMS forms json codes crypto base
  PACKAGES jansson)
phi_test(test_declare_sources SOURCES test_declare_sources.c ROOMS forms json codes crypto base
  PACKAGES jansson)
phi_test(test_declare_fact SOURCES test_declare_fact.c ${declare}/fact.c ${declare}/sources/intake_decide.c
  ROOMS forms person bus json codes crypto base PACKAGES jansson)
phi_test(test_declare_rhythm SOURCES test_declare_rhythm.c ${declare}/sources/rhythm.c ROOMS json codes base
  PACKAGES jansson)
phi_test(test_declare_control SOURCES test_declare_control.c ${declare}/people/control.c ROOMS json codes base
  PACKAGES jansson)
phi_test(test_declare_letter SOURCES test_declare_letter.c ${declare}/sources/letter.c
  ROOMS service forms auth bus json codes crypto base PACKAGES jansson)

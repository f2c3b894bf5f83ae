# The pure parts of svc-correction.
set(correction ${CMAKE_SOURCE_DIR}/svc-correction)
phi_test(test_correction_steps SOURCES test_correction_steps.c ${correction}/steps/steps.c ${correction}/steps/calendar.c
  ROOMS json base PACKAGES jansson)
target_compile_definitions(test_correction_steps PRIVATE CALENDAR_FILE="${correction}/steps/calendar.json")
phi_test(test_reencode SOURCES test_reencode.c ${correction}/attachments/reencode.c ROOMS mark base PACKAGES libpng)
target_compile_definitions(test_reencode PRIVATE PROGRAM="$<TARGET_FILE:phi-reencode>")
add_dependencies(test_reencode phi-reencode)

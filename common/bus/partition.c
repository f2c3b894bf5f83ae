#include "bus/bus.h"

#include "codes/subject.h"
#include "crypto/sm3.h"

int32_t phi_partition_of(struct phi_view key, int32_t count)
{
    uint8_t digest[PHI_SM3_LEN];
    if (key.len == 0 || count < 1)
        return -1;
    if (key.len == PHI_SUBJECT_LEN)
        return phi_subject_partition(key.data, count);
    if (phi_sm3(key, digest) != PHI_OK)
        return -1;
    return phi_subject_partition(digest, count);
}

#ifndef CLEAVE_CKERNELS_H
#define CLEAVE_CKERNELS_H

/* The module's umbrella: a header of this folder is seen by Swift, and rebuilt when it changes, because it is named here. */

#include "images.h"
#include "statistics.h"
#include "fake_quantization.h"
#include "kernels.h"
#include "integer.h"
#include "training.h"

#endif

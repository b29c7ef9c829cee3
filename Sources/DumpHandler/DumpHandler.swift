import Unwinder

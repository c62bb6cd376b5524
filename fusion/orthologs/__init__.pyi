from .distances import pairwise_distances as pairwise_distances
from .divergence import Divergence as Divergence
from .divergence import divergence_tests as divergence_tests
from .retrieval import GeneDifference as GeneDifference
from .retrieval import Retrieval as Retrieval
from .retrieval import compare_retrievals as compare_retrievals
from .retrieval import retrieval_test as retrieval_test
